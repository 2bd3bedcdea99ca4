/** The forms in which the calendar is shown. */
export const VIEWS = ["day", "week", "month", "timeline", "plan"] as const;
export type View = (typeof VIEWS)[number];
