//! Reads an occupancy file: one row per car park and moment, with its capacity and coordinates where given.

use std::collections::BTreeMap;
use std::io::Read;

use anyhow::{Context, bail};
use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

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
    /// The moment as the device writes it.
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
                    file.car_parks.push(CarPark {
                        id: slug(label),
                        name: label.to_owned(),
                        capacity: number(capacity)?.map(|c| c as u32),
                        location: number(latitude)?.zip(number(longitude)?),
                    });
                    index
                }
            };
            let timestamp = row[time].to_owned();
            let at = parse_time(&timestamp, timezone)
                .with_context(|| format!("line {line}: `{timestamp}` is not a time"))?;
            let (percent, occupied) = (number(percent)?, number(occupied)?.map(|n| n as u32));
            if percent.is_some() || occupied.is_some() {
                file.readings.push(Reading { car_park, at, timestamp, percent, occupied });
            }
        }
        file.readings.sort_by_key(|r| (r.at, r.car_park));
        Ok(file)
    }
}

/// RFC 3339, or local time with minutes, seconds or fractions; the earlier of two candidates when clocks go back.
fn parse_time(text: &str, timezone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .and_then(|naive| timezone.from_local_datetime(&naive).earliest())
        .map(|at| at.to_utc())
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
