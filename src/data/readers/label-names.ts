/** Names that a column of classes often has, and others hardly ever; the first that there is counts. */
const LABEL_NAMES = ['label', 'labels', 'class', 'classes', 'target'];

/** The column that is most likely the label's by its name. */
export function likelyLabel(columns: readonly string[]): string | undefined {
  return LABEL_NAMES.flatMap((each) => columns.filter((column) => column.trim().toLowerCase() === each))[0];
}
