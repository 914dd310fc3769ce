/** Callers that come while the work runs wait for the same result; nothing is kept afterwards. */
export const shareInFlight = <Result>(work: () => Promise<Result>): (() => Promise<Result>) => {
  let running: Promise<Result> | undefined;
  return () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
};
