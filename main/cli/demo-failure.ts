/** The demo can't go on. The message says in one line what happened, the evidence (a status, the end of a log) why. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure';
  readonly evidence: string;

  constructor(message: string, evidence: string) {
    super(message);
    this.evidence = evidence;
  }
}
