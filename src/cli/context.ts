/** What a command may ask of the process it runs in; `main.ts` gives the real one, tests their own. */
export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Whether somebody watches standard error: then a line may be drawn over. */
  readonly stderrIsTerminal?: boolean;
  /** Registers what SIGTERM and SIGINT do. */
  readonly onStopSignal: (handler: () => void) => void;
  /** Registers what SIGUSR2 does. */
  readonly onPauseSignal: (handler: () => void) => void;
  /** Registers what SIGHUP does. */
  readonly onReadAgainSignal: (handler: () => void) => void;
  /** Registers what an error that nobody caught does. */
  readonly onCrash: (handler: (error: unknown) => void) => void;
  /** Ends the process at once; only where waiting longer would be wrong. */
  readonly exit: (code: number) => void;
}
