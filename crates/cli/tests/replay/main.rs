//! `ripcord replay` and `ripcord tape` as a user runs them: the real binary, files, exit codes.

mod bad_input;
mod ending;
mod good_input;
mod kept;
mod newcomer;
mod support;
mod worthless;
