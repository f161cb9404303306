//! The one binary.

fn main() -> std::process::ExitCode {
    warifu::cli::main()
}
