//! The paper run from outside: sessions in virtual time, and HTTP over a real socket.

mod api;
mod commands;
mod host;
mod kept;
mod session;
mod wire;
// The file layer that fails when it is told to.
#[allow(dead_code, reason = "these tests need a part of it")]
#[path = "../../../store/tests/store/vfs.rs"]
mod vfs;
