//! The screen of `crier chat`: rooms of a board in a terminal.

#![forbid(unsafe_code)]
