/** The parser of delimited tables. */
export { CsvError, parse } from 'csv-parse/sync';
