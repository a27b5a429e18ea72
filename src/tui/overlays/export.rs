//! Writes the rows of a list to a file: CSV with the columns shown, JSON or YAML with everything.

use std::path::PathBuf;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::client::Client;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, Reporter, Request};
use crate::tui::failure::Failure;
use crate::tui::files;
use crate::tui::format::count;
use crate::tui::state::activity::Target;
use crate::tui::view::Facts;
use crate::tui::widgets::field::{Choice, Field};
use crate::tui::widgets::form::Form;

use super::form::Sheet;

/// The form that asks where to.
pub struct Export {
    view: &'static str,
    header: Vec<&'static str>,
    cells: Vec<Vec<String>>,
    whole: Vec<Value>,
}

impl Export {
    /// Exports these rows of a view: their cells by column, and whole.
    pub fn new(
        view: &'static str,
        header: Vec<&'static str>,
        cells: Vec<Vec<String>>,
        whole: Vec<Value>,
    ) -> Self {
        Self {
            view,
            header,
            cells,
            whole,
        }
    }

    fn content(&self, format: &str) -> Result<String, String> {
        match format {
            "json" => serde_json::to_string_pretty(&self.whole).map_err(|error| error.to_string()),
            "yaml" => serde_norway::to_string(&self.whole).map_err(|error| error.to_string()),
            _ => Ok(csv(&self.header, &self.cells)),
        }
    }
}

impl Sheet for Export {
    fn title(&self) -> String {
        format!("Export {} of {}", count(self.cells.len(), "row"), self.view)
    }

    fn fields(&self, facts: &Facts<'_>) -> Vec<Field> {
        let day = crate::tui::format::date_time(facts.clock.now, &facts.clock.zone);
        let stamp: String = day.chars().filter(char::is_ascii_digit).take(12).collect();
        let directory = facts
            .session
            .files
            .join(format!("exports/{}-{stamp}", self.view));
        vec![
            Field::choice(
                "format",
                "Format",
                "CSV has the columns shown; JSON and YAML have everything",
            )
            .required()
            .of(vec![
                Choice::new("csv", "CSV", "the columns of the list"),
                Choice::new("json", "JSON", "everything, for programs"),
                Choice::new("yaml", "YAML", "everything, for people"),
            ])
            .with("csv"),
            Field::text(
                "path",
                "File",
                "Where to; the ending is added, and nothing is overwritten",
            )
            .required()
            .with(&directory.to_string_lossy()),
        ]
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let format = form.value("format");
        let content = match self.content(&format) {
            Ok(content) => content,
            Err(error) => {
                cx.tell(crate::tui::state::notice::Tone::Bad, error);
                return;
            }
        };
        let mut path = files::expand(&form.value("path"));
        if path
            .extension()
            .is_none_or(|ending| ending.to_string_lossy() != *format)
        {
            path = PathBuf::from(format!("{}.{format}", path.display()));
        }
        let target = Target {
            kind: "file",
            id: String::new(),
            name: path.display().to_string(),
        };
        cx.act("Export", vec![(target, Box::new(Write { path, content }))]);
    }
}

struct Write {
    path: PathBuf,
    content: String,
}

impl std::fmt::Debug for Write {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Write({}, {} bytes)",
            self.path.display(),
            self.content.len()
        )
    }
}

impl Request for Write {
    fn run(
        self: Box<Self>,
        _client: Client,
        _report: Reporter,
    ) -> BoxFuture<'static, Result<Done, Failure>> {
        Box::pin(async move {
            files::write_new(self.path, self.content.into_bytes()).await?;
            Ok(Done::saying("written"))
        })
    }
}

/// Rows as CSV (RFC 4180). A cell that a spreadsheet would take for a formula is quoted with an apostrophe.
fn csv(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = header.join(",");
    out.push_str("\r\n");
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| quote(cell)).collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}

fn quote(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '@'])
        || (cell.starts_with('-') && cell.parse::<f64>().is_err());
    let cell = if formula {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let rows = vec![vec![
            "a,b".to_owned(),
            "say \"x\"".to_owned(),
            "=1+1".to_owned(),
            "-5".to_owned(),
        ]];
        assert_eq!(
            csv(&["a", "b", "c", "d"], &rows),
            "a,b,c,d\r\n\"a,b\",\"say \"\"x\"\"\",'=1+1,-5\r\n"
        );
    }
}
