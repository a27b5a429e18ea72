//! What can be done in identity. Whoever changes something goes through [`change::commit`]: it makes the change
//! visible, forgets what was remembered of tokens, and tells the watchers, in that order.

mod audit;
#[expect(dead_code, reason = "what administrators change follows")]
mod change;
#[expect(dead_code, reason = "what administrators change follows")]
mod check;
mod quota;
mod token;

pub use audit::*;
pub use check::new_password as password_check;
pub use quota::*;
pub use token::*;

#[cfg(test)]
mod tests;
