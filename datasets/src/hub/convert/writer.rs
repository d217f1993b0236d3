//! The stored Parquet file as it is written.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use super::{Limits, Written};
use crate::columns::{self, Format};
use crate::hub::error::{self, HubError};
use crate::hub::watch::{Event, Watch, go_on};

/// Stored rows of a benchmark.
const FORMAT: Format = Format { name: "dataset", label: "rows of a benchmark", version: 1 };

pub(super) struct Writer {
    path: PathBuf,
    inner: ArrowWriter<BufWriter<File>>,
    columns: Vec<String>,
    group_bytes: usize,
    rows: u64,
}

impl Writer {
    pub fn create(path: &Path, schema: &Arc<Schema>, limits: &Limits) -> Result<Self, HubError> {
        let file = File::create(path).map_err(error::io("create", path))?;
        let properties = columns::properties(&FORMAT);
        let inner = ArrowWriter::try_new(BufWriter::new(file), schema.clone(), Some(properties))
            .map_err(|source| failed(path, source))?;
        let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        let group_bytes = limits.group_bytes;
        Ok(Self { path: path.to_path_buf(), inner, columns, group_bytes, rows: 0 })
    }

    pub fn write(&mut self, batch: &RecordBatch, watch: &mut dyn Watch) -> Result<(), HubError> {
        go_on(watch)?;
        self.inner.write(batch).map_err(|source| failed(&self.path, source))?;
        if self.inner.in_progress_size() >= self.group_bytes {
            self.inner.flush().map_err(|source| failed(&self.path, source))?;
        }
        self.rows += batch.num_rows() as u64;
        let name = self.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        watch.event(&Event::Converts { file: &name, rows: self.rows });
        Ok(())
    }

    pub fn close(self) -> Result<Written, HubError> {
        let Self { path, inner, columns, rows, .. } = self;
        let file = inner.into_inner().map_err(|source| failed(&path, source))?;
        let file =
            file.into_inner().map_err(|error| error::io("write", &path)(error.into_error()))?;
        file.sync_all().map_err(error::io("write", &path))?;
        Ok(Written { rows, columns })
    }
}

fn failed(path: &Path, source: ParquetError) -> HubError {
    error::io("write", path)(columns::into_io(source))
}
