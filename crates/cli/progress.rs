//! Bars for long work: on stderr, on a terminal only.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reach::{Cancelled, Watch};

use crate::console::Console;

/// Between two looks at how far the work is.
const GLANCE: Duration = Duration::from_millis(50);
const TEMPLATE: &str = "{msg} [{bar:40}] {percent:>3} %  {eta} left";

/// A bar; none where nobody watches.
pub(crate) fn bar(what: String, total: u64, console: &Console<'_>) -> ProgressBar {
    let target = if console.is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template(TEMPLATE);
    let bar = ProgressBar::with_draw_target(Some(total), target).with_message(what);
    match style {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// Does the work on a thread of its own, tells how far it is, and ends it when `interrupted` is raised.
///
/// The bar is drawn here and not there: this thread holds stderr.
pub(crate) fn watched<T: Send>(
    what: String,
    interrupted: &AtomicBool,
    console: &Console<'_>,
    work: impl FnOnce(&Watch) -> Result<T, Cancelled> + Send,
) -> Result<T, Cancelled> {
    let watch = Watch::default();
    let bar = bar(what, 0, console);
    let (done, ended) = channel::<()>();
    let result = std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let result = work(&watch);
            drop(done);
            result
        });
        while ended.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
            if interrupted.load(Ordering::Relaxed) {
                watch.cancel();
            }
            bar.set_length(watch.total());
            bar.set_position(watch.done());
        }
        worker.join()
    });
    bar.finish_and_clear();
    // A panic of the work is a panic here.
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
