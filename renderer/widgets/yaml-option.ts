/** What an editor may offer at the cursor; apart from the editor, so that who makes it does not load that. */
export interface YamlOption {
  readonly label: string;
  readonly insert: string;
  /** Beside the label. */
  readonly detail?: string;
  /** A sentence or two. */
  readonly info?: string;
}

export interface YamlCompletion {
  /** Where what is written already begins. */
  readonly from: number;
  readonly options: readonly YamlOption[];
}
