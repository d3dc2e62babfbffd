//! A report as a table.

use std::io::{self, Write};

use bench::{CastPhase, Connects, Latency, Memory, Phase, Report};

use crate::cli::harmless;

/// Writes the report.
pub(super) fn write(report: &Report, output: &mut impl Write) -> io::Result<()> {
    for connects in &report.connects {
        write_connects(connects, output)?;
    }
    if let Some(memory) = &report.memory {
        write_memory(memory, output)?;
    }
    if report.phases.iter().any(|phase| phase.messages > 0) {
        writeln!(
            output,
            "{:<18} {:>6} {:>11} {:>7} {:>11} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "", "batch", "deliveries", "seconds", "a second", "server µs", "load µs", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "MB read"
        )?;
    }
    for phase in &report.phases {
        if phase.batch > 0 { write_phase(phase, output) } else { write_quiet(phase, output) }?;
    }
    write_casts(&report.casts, output)?;
    match (&report.failure, report.interrupted) {
        (Some(failure), _) => writeln!(output, "It failed: {}", harmless(failure)),
        (None, true) => writeln!(output, "Interrupted; what was measured until then is above."),
        (None, false) if report.scenario == "idle" || report.scenario == "connect" => Ok(()),
        (None, false) if report.scenario == "cast" => {
            writeln!(output, "Every viewer got every frame in order, or was told what it skipped.")
        }
        (None, false) if report.scenario == "pages" => writeln!(output, "Every page had every message."),
        (None, false) => writeln!(output, "Everybody got every message, once and in order."),
    }
}

fn write_connects(connects: &Connects, output: &mut impl Write) -> io::Result<()> {
    let Connects { connections, seconds, per_second, server_cpu_us, latency } = connects;
    write!(
        output,
        "{connections} connections in {seconds:.2} s, {per_second:.0} a second, {} µs of server CPU each",
        shown(*server_cpu_us, 1)
    )?;
    match latency {
        Some(Latency { p50_ms, p99_ms, max_ms, .. }) => writeln!(output, ", p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, max {max_ms:.1} ms"),
        None => writeln!(output),
    }
}

fn write_memory(memory: &Memory, output: &mut impl Write) -> io::Result<()> {
    let mb = |bytes: Option<u64>| shown(bytes.map(|bytes| bytes as f64 / 1e6), 1);
    let Memory { before_bytes, idle_bytes, after_bytes, per_connection_bytes } = memory;
    let (before, idle, after) = (mb(*before_bytes), mb(*idle_bytes), mb(*after_bytes));
    let each = shown(*per_connection_bytes, 0);
    writeln!(
        output,
        "{each} bytes of server memory for each idle connection ({before} MB before, {idle} MB with them, {after} MB at the end)"
    )
}

fn write_phase(phase: &Phase, output: &mut impl Write) -> io::Result<()> {
    let Phase { name, batch, deliveries, seconds, deliveries_per_second, bytes, .. } = phase;
    write!(output, "{name:<18} {batch:>6} {deliveries:>11} {seconds:>7.2} {deliveries_per_second:>11.0}")?;
    write!(output, " {:>9} {:>9}", shown(phase.server_cpu_us_per_delivery, 3), shown(phase.load_cpu_us_per_delivery, 3))?;
    let latency = |of: fn(&Latency) -> f64| shown(phase.latency.as_ref().map(of), 2);
    for figure in [latency(|all| all.p50_ms), latency(|all| all.p99_ms), latency(|all| all.p999_ms), latency(|all| all.max_ms)] {
        write!(output, " {figure:>9}")?;
    }
    writeln!(output, " {:>9.1}", *bytes as f64 / 1e6)?;
    if phase.slow > 0 {
        let growth = shown(phase.memory_growth_bytes.map(|bytes| bytes as f64 / 1e6), 1);
        writeln!(output, "  {} did not read; the server's memory grew by {growth} MB", phase.slow)?;
    }
    Ok(())
}

/// Writes a phase without messages.
fn write_quiet(phase: &Phase, output: &mut impl Write) -> io::Result<()> {
    let Phase { name, seconds, server_cpu_seconds, deliveries, bytes, slow, slow_closed, .. } = phase;
    let ms = shown(server_cpu_seconds.map(|seconds| seconds * 1e3), 1);
    write!(output, "{name}: {seconds:.1} s, {ms} ms of server CPU, {deliveries} deliveries, {bytes} bytes read")?;
    if *slow > 0 { writeln!(output, "; {slow_closed} of {slow} had been sent away by the server") } else { writeln!(output) }
}

fn write_casts(casts: &[CastPhase], output: &mut impl Write) -> io::Result<()> {
    if !casts.is_empty() {
        writeln!(
            output,
            "{:<14} {:>7} {:>5} {:>7} {:>9} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10} {:>9} {:>6}",
            "",
            "viewers",
            "slow",
            "seconds",
            "frames",
            "Mb",
            "µs per Mb",
            "p50 ms",
            "p99 ms",
            "max ms",
            "slow p99",
            "chat p99",
            "MB grown",
            "skips"
        )?;
    }
    for phase in casts {
        let CastPhase { name, viewers, slow, seconds, frames, megabits, latency, chat, .. } = phase;
        write!(output, "{name:<14} {viewers:>7} {slow:>5} {seconds:>7.1} {frames:>9} {megabits:>8.0}")?;
        write!(output, " {:>9}", shown(phase.cpu_us_per_megabit, 1))?;
        for figure in [|all: &Latency| all.p50_ms, |all: &Latency| all.p99_ms, |all: &Latency| all.max_ms] {
            write!(output, " {:>9}", shown(latency.as_ref().map(figure), 2))?;
        }
        write!(output, " {:>9}", shown(phase.slow_latency.as_ref().filter(|_| *slow > 0).map(|all| all.p99_ms), 0))?;
        let growth = phase.memory_growth_bytes.map(|bytes| bytes as f64 / 1e6);
        write!(output, " {:>10} {:>9}", shown(chat.as_ref().map(|all| all.p99_ms), 2), shown(growth, 1))?;
        writeln!(output, " {:>6}", phase.skips + phase.fast_skips)?;
    }
    Ok(())
}

/// Returns the figure, or a dash if it is unknown.
fn shown(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(|| "—".to_owned(), |figure| format!("{figure:.digits$}"))
}
