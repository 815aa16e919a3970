"""What every store promises, asked of each: in memory, in a SQLite file, in DynamoDB."""
