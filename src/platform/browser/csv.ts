/** The parser of delimited tables, with what it needs of Node.js. */
export { CsvError, parse } from 'csv-parse/browser/esm/sync';
