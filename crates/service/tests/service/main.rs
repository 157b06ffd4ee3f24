//! The paper run from outside: sessions in virtual time, and HTTP over a real socket.

mod api;
mod host;
mod session;
