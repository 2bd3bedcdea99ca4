//! Reads an occupancy file: one row per car park and moment, with its capacity and coordinates where given.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use anyhow::{Context, bail};
use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use chrono_tz::Tz;
use parvis_parking::timestamp::Written;

/// Which columns hold what. Names that a file lacks are simply absent, but time, name and one measure must exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Moment of the reading: RFC 3339, or local time in the file's zone.
    pub time: String,
    /// Name of the car park.
    pub name: String,
    /// Number of spaces.
    pub capacity: String,
    /// Occupancy in percent of the capacity.
    pub percent: String,
    /// Occupied spaces.
    pub occupied: String,
    /// Latitude in degrees.
    pub latitude: String,
    /// Longitude in degrees.
    pub longitude: String,
}

impl Default for Columns {
    fn default() -> Self {
        let name = str::to_owned;
        Self {
            time: name("timestamp_local"),
            name: name("name"),
            capacity: name("capacity"),
            percent: name("occupancy_pct"),
            occupied: name("occupied"),
            latitude: name("lat"),
            longitude: name("lon"),
        }
    }
}

/// One car park of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct CarPark {
    /// Id made from the name, e.g. `arc-de-triomphe`.
    pub id: String,
    /// Name as in the file.
    pub name: String,
    /// Number of spaces, if the file tells.
    pub capacity: Option<u32>,
    /// Latitude and longitude, if the file tells.
    pub location: Option<(f64, f64)>,
}

/// One reading of a car park's counter.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Index into [`OccupancyFile::car_parks`].
    pub car_park: usize,
    /// Moment of the reading.
    pub at: DateTime<Utc>,
    /// The moment as the device writes it: local time with its offset, so that the hour that occurs twice is told apart.
    pub timestamp: String,
    /// Percent of the capacity.
    pub percent: Option<f64>,
    /// Occupied spaces.
    pub occupied: Option<u32>,
}

/// A whole file, readings in order of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OccupancyFile {
    /// The car parks in order of first appearance.
    pub car_parks: Vec<CarPark>,
    /// The readings in order of time.
    pub readings: Vec<Reading>,
}

impl OccupancyFile {
    /// Reads CSV with a header.
    ///
    /// # Errors
    /// Names the line of the first row that cannot be read, or the column that is missing.
    pub fn read(source: impl Read, columns: &Columns, timezone: Tz) -> anyhow::Result<Self> {
        let mut csv = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
        let header = csv.headers().context("the file has no header")?.clone();
        let column = |name: &str| header.iter().position(|h| h.trim_start_matches('\u{feff}') == name);
        let need = |name: &str| {
            column(name).with_context(|| {
                format!("no column `{name}`; the file has: {}", header.iter().collect::<Vec<_>>().join(", "))
            })
        };
        let (time, name) = (need(&columns.time)?, need(&columns.name)?);
        let (percent, occupied) = (column(&columns.percent), column(&columns.occupied));
        if percent.is_none() && occupied.is_none() {
            bail!("neither `{}` nor `{}` is a column of the file", columns.percent, columns.occupied);
        }
        let (capacity, latitude, longitude) =
            (column(&columns.capacity), column(&columns.latitude), column(&columns.longitude));

        let mut file = Self::default();
        let mut known = BTreeMap::new();
        let mut clocks: Vec<Clock> = Vec::new();
        for record in csv.records() {
            let row = record?;
            let line = row.position().map_or(0, csv::Position::line);
            let number = |at: Option<usize>| -> anyhow::Result<Option<f64>> {
                match at.and_then(|i| row.get(i)).filter(|v| !v.is_empty()) {
                    None => Ok(None),
                    Some(text) => {
                        text.parse().map(Some).with_context(|| format!("line {line}: `{text}` is not a number"))
                    }
                }
            };
            let label = &row[name];
            let car_park = match known.get(label) {
                Some(&index) => index,
                None => {
                    let index = file.car_parks.len();
                    known.insert(label.to_owned(), index);
                    clocks.push(Clock::default());
                    file.car_parks.push(CarPark {
                        id: slug(label),
                        name: label.to_owned(),
                        capacity: number(capacity)?.map(|c| c as u32),
                        location: number(latitude)?.zip(number(longitude)?),
                    });
                    index
                }
            };
            let text = &row[time];
            let at = clocks[car_park]
                .read(text, timezone)
                .with_context(|| format!("line {line}: `{text}` is not a time"))?;
            let timestamp = at.with_timezone(&timezone).to_rfc3339_opts(SecondsFormat::AutoSi, false);
            let (percent, occupied) = (number(percent)?, number(occupied)?.map(|n| n as u32));
            if percent.is_some() || occupied.is_some() {
                file.readings.push(Reading { car_park, at, timestamp, percent, occupied });
            }
        }
        file.readings.sort_by_key(|r| (r.at, r.car_park));
        Ok(file)
    }
}

/// The times of one car park, in the order of the file.
#[derive(Default)]
struct Clock {
    last: Option<DateTime<Utc>>,
    /// The times of the hour that occurs twice which are taken.
    repeated: BTreeSet<DateTime<Utc>>,
}

impl Clock {
    /// Reads the time of the next row, to the millisecond as the platform does.
    ///
    /// When clocks go back, a local time means two instants. Rows follow each other in time, so it is the earlier one until the clock
    /// has shown a later time; in a file that runs backwards, where that guess is taken already, it is the other one.
    fn read(&mut self, text: &str, timezone: Tz) -> Option<DateTime<Utc>> {
        let (earlier, later) = Written::parse(text)?.candidates(timezone)?;
        let (earlier, later) = (earlier.trunc_subsecs(3), later.trunc_subsecs(3));
        let mut at = earlier;
        if earlier != later {
            let passed = self.last.is_some_and(|last| last >= earlier);
            let (likely, other) = if passed { (later, earlier) } else { (earlier, later) };
            at = if self.repeated.contains(&likely) { other } else { likely };
            self.repeated.insert(at);
        }
        self.last = Some(at);
        Some(at)
    }
}

/// An id from a name: lower case ASCII letters, digits and single hyphens.
fn slug(name: &str) -> String {
    let fold = |c: char| match c {
        'à' | 'â' | 'ä' | 'á' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' | 'í' => 'i',
        'ô' | 'ö' | 'ó' => 'o',
        'ù' | 'û' | 'ü' | 'ú' => 'u',
        'ç' => 'c',
        c if c.is_ascii_alphanumeric() => c,
        _ => '-',
    };
    let folded: String = name.to_lowercase().chars().map(fold).collect();
    folded.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "timestamp_local,name,capacity,occupancy_pct,lat,lon\n\
        2026-01-02T10:00,Comédie,666,31,43.6087,3.8888\n\
        2026-01-02T09:00,Arc de Triomphe,440,69,43.6112,3.8724\n\
        2026-01-02T10:00,Arc de Triomphe,440,,43.6112,3.8724\n";

    fn read(text: &str) -> anyhow::Result<OccupancyFile> {
        OccupancyFile::read(text.as_bytes(), &Columns::default(), chrono_tz::Europe::Paris)
    }

    #[test]
    fn rows_become_car_parks_and_ordered_readings() {
        let file = read(FILE).unwrap();
        assert_eq!(file.car_parks.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["comedie", "arc-de-triomphe"]);
        assert_eq!(file.car_parks[0].capacity, Some(666));
        assert_eq!(file.car_parks[0].location, Some((43.6087, 3.8888)));
        assert_eq!(file.readings.len(), 2, "a row without a measure is no reading");
        assert_eq!(file.readings[0].at.to_rfc3339(), "2026-01-02T08:00:00+00:00");
        assert_eq!(file.readings[0].percent, Some(69.0));
    }

    /// What a file of local times of one car park becomes.
    fn times(local: &[&str]) -> Vec<(String, String)> {
        let rows: String = local.iter().map(|time| format!("{time},Antigone,30\n")).collect();
        let file = read(&format!("timestamp_local,name,occupancy_pct\n{rows}")).unwrap();
        let utc = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        file.readings.iter().map(|reading| (utc(reading.at), reading.timestamp.clone())).collect()
    }

    #[test]
    fn the_hour_that_occurs_twice_is_told_apart() {
        let rows = [
            "2025-10-26T01:30",
            "2025-10-26T02:00",
            "2025-10-26T02:30",
            "2025-10-26T02:00",
            "2025-10-26T02:30",
            "2025-10-26T03:00",
        ];
        let expected = [
            ("2025-10-25T23:30:00Z", "2025-10-26T01:30:00+02:00"),
            ("2025-10-26T00:00:00Z", "2025-10-26T02:00:00+02:00"),
            ("2025-10-26T00:30:00Z", "2025-10-26T02:30:00+02:00"),
            ("2025-10-26T01:00:00Z", "2025-10-26T02:00:00+01:00"),
            ("2025-10-26T01:30:00Z", "2025-10-26T02:30:00+01:00"),
            ("2025-10-26T02:00:00Z", "2025-10-26T03:00:00+01:00"),
        ]
        .map(|(at, timestamp)| (at.to_owned(), timestamp.to_owned()));
        assert_eq!(times(&rows), expected);
        let backwards: Vec<&str> = rows.into_iter().rev().collect();
        assert_eq!(times(&backwards), expected, "newest first");
    }

    #[test]
    fn the_platform_reads_back_what_the_file_means() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        // The hour that is missing in spring, and both that occur twice in autumn.
        for (at, timestamp) in times(&["2025-03-30T02:30", "2025-10-26T02:30", "2025-10-26T02:30"]) {
            let read = parvis_parking::timestamp::read(&timestamp, chrono_tz::Europe::Paris, now).unwrap();
            assert_eq!(read.to_rfc3339_opts(SecondsFormat::Secs, true), at);
        }
        assert_eq!(times(&["2025-03-30T02:30"])[0].0, "2025-03-30T01:30:00Z");
    }

    #[test]
    fn errors_name_the_line_or_the_column() {
        let bad_number = FILE.replace("31", "many");
        assert!(format!("{:#}", read(&bad_number).unwrap_err()).contains("line 2: `many` is not a number"));
        let bad_time = FILE.replace("2026-01-02T09:00", "yesterday");
        assert!(format!("{:#}", read(&bad_time).unwrap_err()).contains("line 3: `yesterday` is not a time"));
        let no_name = FILE.replace(",name,", ",label,");
        assert!(format!("{:#}", read(&no_name).unwrap_err()).contains("no column `name`"));
    }
}
