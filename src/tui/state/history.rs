//! The views one came through, with a way back and forth. Views keep their state while they wait: cursor, marks, filter.

use crate::tui::screens::Screen;

/// Views kept at most.
const KEPT: usize = 32;

/// The views one came through; never empty.
pub struct History {
    screens: Vec<Box<dyn Screen>>,
    at: usize,
}

impl History {
    /// Just the first view.
    pub fn new(home: Box<dyn Screen>) -> Self {
        Self {
            screens: vec![home],
            at: 0,
        }
    }

    /// The visible view.
    pub fn current(&self) -> &dyn Screen {
        self.screens[self.at].as_ref()
    }

    /// The visible view.
    pub fn current_mut(&mut self) -> &mut dyn Screen {
        self.screens[self.at].as_mut()
    }

    /// Tells all views, also those that wait, that something was made here.
    pub fn made(&mut self, kind: &str, id: &str) {
        for screen in &mut self.screens {
            screen.made(kind, id);
        }
    }

    /// Whether there is a view to go back to.
    pub fn has_before(&self) -> bool {
        self.at > 0
    }

    /// Whether there is a view to go forward to.
    pub fn has_after(&self) -> bool {
        self.at + 1 < self.screens.len()
    }

    /// Shows another view; those that one had gone back from are forgotten.
    pub fn go(&mut self, screen: Box<dyn Screen>) {
        self.screens.truncate(self.at + 1);
        self.screens.push(screen);
        if self.screens.len() > KEPT {
            self.screens.remove(1);
        }
        self.at = self.screens.len() - 1;
    }

    /// Goes back; `false` at the first view.
    pub fn back(&mut self) -> bool {
        if !self.has_before() {
            return false;
        }
        self.at -= 1;
        true
    }

    /// Goes forth again; `false` if there is nothing.
    pub fn forth(&mut self) -> bool {
        if !self.has_after() {
            return false;
        }
        self.at += 1;
        true
    }
}
