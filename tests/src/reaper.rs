//! The last resort: what a run has started is ended and removed even when the run itself is killed.
//!
//! A small shell waits at the other end of a pipe. The pipe closes when the test process goes, however it goes; the
//! shell then kills every process still on its list and removes every folder on it.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{ChildStdin, Command, Stdio},
    sync::{LazyLock, Mutex},
};

const SCRIPT: &str = r#"
trap "" INT TERM HUP
processes=" "; folders=()
while read -r verb what; do
  case $verb in
    watch) processes="$processes$what " ;;
    forget) processes=${processes/" $what "/ } ;;
    remove) folders+=("$what") ;;
  esac
done
for process in $processes; do kill -9 "$process"; done 2>/dev/null
[ ${#folders[@]} -eq 0 ] || rm -rf -- "${folders[@]}"
"#;

#[expect(clippy::zombie_processes, reason = "it outlives this process, which is its purpose")]
static LIST: LazyLock<Mutex<ChildStdin>> = LazyLock::new(|| {
    let shell = Command::new("bash")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("bash starts");
    Mutex::new(shell.stdin.expect("the shell's input is a pipe"))
});

/// Has the process ended when this one is gone.
pub fn watch(process: u32) {
    tell(&format!("watch {process}"));
}

/// Takes a process that has ended off the list, as its number may come to name another.
pub fn forget(process: u32) {
    tell(&format!("forget {process}"));
}

/// Has the folder removed when this process is gone, unless `ROOMM8_TEST_KEEP` is set.
pub fn remove(folder: &Path) {
    if std::env::var_os("ROOMM8_TEST_KEEP").is_none() {
        tell(&format!("remove {}", folder.display()));
    }
}

fn tell(line: &str) {
    let mut list = LIST.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    writeln!(list, "{line}").expect("the reaper listens");
}
