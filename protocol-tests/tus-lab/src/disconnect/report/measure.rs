use std::time::Duration;

/// A size for a person.
pub(super) fn size(bytes: u64) -> String {
    let whole = |unit: u64| bytes / unit;
    let tenth = |unit: u64| bytes % unit * 10 / unit;
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", whole(1024)),
        _ => format!("{}.{} MiB", whole(1 << 20), tenth(1 << 20)),
    }
}

/// A time for a person.
pub(super) fn time(time: Duration) -> String {
    match time.as_millis() {
        0 => "< 1 ms".to_owned(),
        millis @ 1..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_for_people_have_few_digits() {
        assert_eq!(size(17), "17 B");
        assert_eq!(size(5000), "4 KiB");
        assert_eq!(size(4_718_592), "4.5 MiB");
        assert_eq!(time(Duration::from_micros(900)), "< 1 ms");
        assert_eq!(time(Duration::from_millis(12)), "12 ms");
        assert_eq!(time(Duration::from_millis(2049)), "2.0 s");
    }
}
