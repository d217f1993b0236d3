//! Settings of a live worker that need a check.

use std::time::Duration;

use conductor_configs::schema;

use super::endpoint::TimeLimits;
use crate::card::Price;
use crate::pool::{PoolError, Secret};

/// A setting that cannot be used: its name, what is expected, what was given.
pub type Bad = (&'static str, &'static str, String);

/// What a call costs.
pub fn price(settings: &schema::OpenAiWorker) -> Result<Price, Bad> {
    let price = Price {
        input_usd_per_million: settings.input_usd_per_million,
        cached_input_usd_per_million: settings
            .cached_input_usd_per_million
            .unwrap_or(settings.input_usd_per_million),
        output_usd_per_million: settings.output_usd_per_million,
    };
    let parts = [
        price.input_usd_per_million,
        price.cached_input_usd_per_million,
        price.output_usd_per_million,
    ];
    if parts.iter().all(|usd| usd.is_finite() && *usd >= 0.0) {
        Ok(price)
    } else {
        Err(("prices", "dollars, 0 or more", format!("{price:?}")))
    }
}

/// Time limits of an attempt.
pub fn time_limits(settings: &schema::OpenAiWorker) -> Result<TimeLimits, Bad> {
    let whole = seconds("timeout_secs", settings.timeout_secs)?;
    let or_whole = |name, value: Option<f64>| value.map_or(Ok(whole), |value| seconds(name, value));
    Ok(TimeLimits {
        connect: seconds("connect_timeout_secs", settings.connect_timeout_secs)?,
        first_byte: or_whole("first_byte_timeout_secs", settings.first_byte_timeout_secs)?,
        idle: or_whole("idle_timeout_secs", settings.idle_timeout_secs)?,
        whole,
    })
}

/// A time that is not zero.
pub fn seconds(setting: &'static str, value: f64) -> Result<Duration, Bad> {
    let duration = Duration::try_from_secs_f64(value).unwrap_or_default();
    if duration.is_zero() {
        return Err((setting, "seconds above 0", value.to_string()));
    }
    Ok(duration)
}

/// The key, from where the settings say.
pub fn key(name: &str, settings: &schema::OpenAiWorker) -> Result<Option<Secret>, PoolError> {
    let missing = |from: String| PoolError::MissingKey {
        worker: name.to_owned(),
        from,
        base_url: settings.base_url.clone(),
    };
    match (&settings.api_key_env, &settings.api_key_file) {
        (None, None) => Ok(None),
        (Some(variable), _) => Secret::from_env(variable)
            .map(Some)
            .ok_or_else(|| missing(format!("the environment variable {variable} is not set"))),
        (None, Some(path)) => match Secret::from_file(path) {
            Ok(Some(key)) => Ok(Some(key)),
            Ok(None) => Err(missing(format!("the file {} is empty", path.display()))),
            Err(error) => {
                Err(missing(format!("the file {} cannot be read ({error})", path.display())))
            }
        },
    }
}
