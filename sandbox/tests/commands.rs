//! Languages beside Python: a compiled one and an interpreted one, from the machine's own tools.

mod common;

use std::path::Path;

use common::{LIMITS, cause, options, start, texts};
use conductor_configs::schema::{Sandbox as Options, SandboxCommand, SandboxLevel};
use conductor_sandbox::{Ending, Form, Input, Job, Mode, Program, StartError};

fn job(language: &str, source: &str, inputs: &[&str]) -> Job {
    Job {
        program: Program {
            source: source.into(),
            form: Form::Command { language: language.into() },
        },
        inputs: inputs.iter().map(|input| Input::Stdin(input.as_bytes().into())).collect(),
        limits: LIMITS,
        mode: Mode::Native,
    }
}

fn command(source: &str, compile: &[&str], run: &[&str]) -> SandboxCommand {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let exists = |path: &&str| Path::new(path).exists();
    let read_only = ["/usr", "/lib", "/lib64", "/bin"].into_iter().filter(exists);
    SandboxCommand {
        source: source.into(),
        compile: words(compile),
        compile_secs: 20.0,
        run: words(run),
        read_only: read_only.map(Into::into).collect(),
        env: [("PATH", "/usr/bin:/bin"), ("TMPDIR", "/box")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compiled_and_interpreted_programs_run_in_cells() {
    if !Path::new("/usr/bin/gcc").exists() || !Path::new("/bin/sh").exists() {
        eprintln!("skipped: there is no /usr/bin/gcc or no /bin/sh here");
        return;
    }
    let gcc = ["/usr/bin/gcc", "-O1", "-o", "main", "{source}"];
    let commands = [
        ("c".to_owned(), command("main.c", &gcc, &["./main"])),
        ("sh".to_owned(), command("main.sh", &[], &["/bin/sh", "{source}"])),
    ];
    for level in [SandboxLevel::A, SandboxLevel::B] {
        let options = Options { commands: commands.clone().into(), ..options(level, false) };
        let sandbox = match start(&options).await {
            Ok(sandbox) => sandbox,
            Err(error @ StartError::Level { .. }) => {
                eprintln!("skipped: level {level:?}: {error}");
                continue;
            }
            Err(error) => panic!("level {level:?}: {error}"),
        };
        let sum = "#include <stdio.h>\nint main(void) { long a, b; if (scanf(\"%ld %ld\", &a, &b) != 2) return 1; printf(\"%ld\\n\", a + b); }";
        let (ending, outputs) = texts(&sandbox, &job("c", sum, &["1 2", "-4 4"])).await;
        assert_eq!((ending, outputs), (Ending::Finished, vec!["3\n".into(), "0\n".into()]));
        let (ending, outputs) =
            texts(&sandbox, &job("sh", "read x\necho \"<$x>\"", &["a b\n"])).await;
        assert_eq!((ending, outputs), (Ending::Finished, vec!["<a b>\n".into()]));
        for (expected, language, source) in [
            ("compile_error", "c", "int main(void) { return x; }"),
            ("runtime_error", "c", "int main(void) { return 3; }"),
            ("runtime_error", "c", "int main(void) { *(volatile int *)0 = 1; }"),
            ("time_limit", "c", "int main(void) { for (;;) {} }"),
            (
                "output_limit",
                "c",
                "#include <stdio.h>\nint main(void) { for (;;) puts(\"xxxxxxxxxxxxxxxxxxxxxx\"); }",
            ),
            (
                "finished",
                "c",
                "#include <sys/socket.h>\nint main(void) { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }",
            ),
            ("broken", "cobol", "DISPLAY 'x'."),
        ] {
            let (ending, _) = texts(&sandbox, &job(language, source, &["1 2"])).await;
            assert_eq!(cause(&ending), expected, "level {level:?}: {source}: {ending:?}");
        }
    }
}
