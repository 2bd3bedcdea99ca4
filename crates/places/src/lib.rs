//! The register of places, zones and spaces (DynamoDB adapter with a short-lived cache).
