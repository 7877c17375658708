/** Small whole numbers from 0, each of which one taker has at a time. */
export interface Numbers {
  /** Takes one that was given back, or else the next one. */
  take(): number;
  giveBack(number: number): void;
}

export function createNumbers(): Numbers {
  const free: number[] = [];
  let next = 0;
  return {
    take: () => free.pop() ?? next++,
    giveBack: (number) => void free.push(number),
  };
}
