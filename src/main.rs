//! The program: arguments, then the role they ask for.

fn main() {}
