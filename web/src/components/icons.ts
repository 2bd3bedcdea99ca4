/** Line icons on a 24 grid, drawn with the text's colour. */
export const icons = {
  gauge: "M4 18a9 9 0 1 1 16 0M12 14l4-5M12 15.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3",
  map: "M9 5 3 7v13l6-2 6 2 6-2V5l-6 2zM9 5v13M15 7v13",
  tools: "M4 7h9M17 7h3M4 12h3M11 12h9M4 17h11M19 17h1M15 5v4M9 10v4M17 15v4",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5 19 19M19 5l-1.5 1.5M6.5 17.5 5 19",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 20c1.5-4 5-5 8-5s6.500 1 8 5",
  exit: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  download: "M12 4v11M7.500 11 12 15.500 16.500 11M5 20h14",
  close: "M6 6l12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  alert: "M12 4 2.800 20h18.400zM12 10v4.500M12 17.200v.3",
  check: "M5 12.500 10 17.500 19 7",
  arrive: "M12 4v12M7 11.500 12 16.500 17 11.500M5 20h14",
  leave: "M12 16V4M7 8.500 12 3.500 17 8.500M5 20h14",
  silent: "M4 4l16 16M8.500 14.500a5 5 0 0 1 5-1.200M5 11a10 10 0 0 1 4-2.300M19 11a10 10 0 0 0-6-3M12 18.500v.3",
  signal: "M8.500 14.500a5 5 0 0 1 7 0M5 11a10 10 0 0 1 14 0M12 18.500v.3",
  up: "M7 14l5-5 5 5",
  down: "M7 10l5 5 5-5",
  upload: "M12 16V5M7.500 9 12 4.500 16.500 9M5 20h14",
} as const;

export type IconName = keyof typeof icons;
