/** Hands out small whole numbers from 0. Each number is in use at most once. */
export interface Numbers {
  /** Returns a number that was given back, or else the next one. */
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
