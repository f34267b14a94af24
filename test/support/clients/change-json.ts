/** Commands that change a JSON file of the folder by a filter of jq's. */
export function changeJson(file: string, filter: string): string {
  return `jq '${filter}' ${file} >changed.json\nmv changed.json ${file}\n`;
}
