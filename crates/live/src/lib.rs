//! The live state of zones as packed blocks in DynamoDB.
