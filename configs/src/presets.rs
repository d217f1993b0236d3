//! Configurations that come with the binary.

/// A configuration that comes with the binary; the same text lies in `configs/presets/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// The name that `preset = "…"` takes.
    pub name: &'static str,
    /// The TOML text.
    pub text: &'static str,
}

impl Preset {
    /// What the preset needs and shows: the comment at its top, without the signs.
    pub fn about(&self) -> String {
        self.text
            .lines()
            .map_while(|line| line.strip_prefix('#'))
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        &[$(Preset { name: $name, text: include_str!(concat!("../presets/", $name, ".toml")) }),*]
    };
}

/// Every preset, the one to start with first.
pub const PRESETS: &[Preset] = presets![
    "quickstart",
    "router",
    "changing-pools",
    "local-pool",
    "recursion",
    "paper-7b",
    "paper-7b-lora"
];

/// The preset with that name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|p| p.name == name)
}
