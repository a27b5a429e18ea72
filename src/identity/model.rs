//! The nouns of identity, and how roles include each other.

mod audit;
mod request;
mod resource;
mod role;
mod token;

pub use audit::*;
pub use request::*;
pub use resource::*;
pub use role::*;
pub use token::*;
