//! Where and in what precision a model runs, on the command line.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use conductor_configs::schema::{Adapter, Device, Dtype};
use conductor_policy::{Placement, Policy};

/// A model on the command line.
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// A Hugging Face folder: config.json, *.safetensors, tokenizer.json.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Where it runs.
    #[arg(long, value_enum, default_value = "auto")]
    device: DeviceArg,
    /// Precision.
    #[arg(long, value_enum, default_value = "float32")]
    dtype: DtypeArg,
}

/// A device on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceArg {
    /// A GPU where one can be used, else the processor.
    Auto,
    /// The processor.
    Cpu,
    /// The GPU.
    Cuda,
}

/// A precision on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DtypeArg {
    /// bfloat16 where the device has it, else float32.
    Auto,
    /// 32-bit floats.
    Float32,
    /// bfloat16.
    Bfloat16,
}

impl ModelArgs {
    /// Loads the model.
    pub fn load(&self) -> anyhow::Result<Policy> {
        let device = match self.device {
            DeviceArg::Auto => Device::Auto,
            DeviceArg::Cpu => Device::Cpu,
            DeviceArg::Cuda => Device::Cuda,
        };
        let dtype = match self.dtype {
            DtypeArg::Auto => Dtype::Auto,
            DtypeArg::Float32 => Dtype::Float32,
            DtypeArg::Bfloat16 => Dtype::Bfloat16,
        };
        let placement = Placement::resolve(device, dtype)?;
        Ok(Policy::load_folder(&self.model, placement, &Adapter::Full, 0)?)
    }
}
