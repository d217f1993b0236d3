//! Which device and which precision a policy runs in.

use conductor_configs::schema::{Device as DeviceChoice, Dtype};
use tch::{Device, Kind};

use crate::PolicyError;

/// Device and precision of forward and backward passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Where tensors live.
    pub device: Device,
    /// Precision of the passes; master weights are always float32.
    pub kind: Kind,
}

impl Placement {
    /// Float32 on the processor.
    pub const CPU: Self = Self { device: Device::Cpu, kind: Kind::Float };

    /// Turns the configured wishes into what this machine has.
    pub fn resolve(device: DeviceChoice, dtype: Dtype) -> Result<Self, PolicyError> {
        let device = match device {
            DeviceChoice::Cpu => Device::Cpu,
            DeviceChoice::Auto => {
                if cuda_problem().is_none() {
                    Device::Cuda(0)
                } else {
                    Device::Cpu
                }
            }
            DeviceChoice::Cuda => match cuda_problem() {
                None => Device::Cuda(0),
                Some(problem) => return Err(PolicyError::Device(problem)),
            },
        };
        let kind = match dtype {
            Dtype::Bfloat16 => Kind::BFloat16,
            Dtype::Auto if device.is_cuda() || cpu_has_bfloat16() => Kind::BFloat16,
            Dtype::Auto | Dtype::Float32 => Kind::Float,
        };
        Ok(Self { device, kind })
    }
}

/// Threads that tensor work uses.
pub fn threads() -> usize {
    usize::try_from(tch::get_num_threads()).unwrap_or(1)
}

/// Sets the number of threads that tensor work uses, for the whole process.
pub fn set_threads(threads: u32) {
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
}

/// GPUs that can be used.
pub fn gpu_count() -> usize {
    if cuda_problem().is_some() {
        0
    } else {
        usize::try_from(tch::Cuda::device_count()).unwrap_or(0)
    }
}

/// Whether libtorch multiplies two small matrices and comes to the right sum.
pub fn computes() -> bool {
    tch::no_grad(|| {
        let ones = tch::Tensor::ones([8, 8], (Kind::Float, Device::Cpu));
        (ones.matmul(&ones).sum(Kind::Float).double_value(&[]) - 512.0).abs() < 1e-6
    })
}

/// Whether the processor multiplies bfloat16 in hardware. Without it, bfloat16 is slower than float32.
pub fn cpu_has_bfloat16() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(target_arch = "aarch64")]
    {
        std::arch::is_aarch64_feature_detected!("bf16")
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        false
    }
}

/// Why CUDA cannot be used, or `None` where it can.
///
/// The program is linked against the processor half of libtorch only, so that one binary serves both kinds of
/// machine; the CUDA half is loaded here, before the first tensor operation asks for it.
pub fn cuda_problem() -> Option<String> {
    static LOADED: std::sync::OnceLock<Result<(), String>> = std::sync::OnceLock::new();
    match LOADED.get_or_init(load_cuda_library) {
        Err(reason) => Some(format!(
            "no GPU can be used: libtorch's CUDA library does not load ({reason}); on a GPU machine, run `make setup` again so that it installs the full libtorch"
        )),
        Ok(()) if !tch::Cuda::is_available() => Some(
            "no GPU can be used: libtorch's CUDA library is there, but it finds no device; check `nvidia-smi` and the driver"
                .into(),
        ),
        Ok(()) => None,
    }
}

fn load_cuda_library() -> Result<(), String> {
    // SAFETY: dlopen runs the library's initialisers; libtorch_cuda's register operators and touch nothing of ours.
    let handle =
        unsafe { libc::dlopen(c"libtorch_cuda.so".as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    if !handle.is_null() {
        return Ok(());
    }
    // SAFETY: dlerror returns a string of this thread, valid until the next dl call, or null.
    let message = unsafe { libc::dlerror() };
    if message.is_null() {
        return Err("no reason given".into());
    }
    // SAFETY: not null, and NUL-terminated by contract.
    Err(unsafe { std::ffi::CStr::from_ptr(message) }.to_string_lossy().into_owned())
}
