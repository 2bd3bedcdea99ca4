/** One polite live region for the whole page: connection changes and alerts are said there, never by moving focus. */
class Announcer {
  text = $state("");

  say(text: string): void {
    // The same sentence twice would not be read again without a change in between.
    this.text = "";
    queueMicrotask(() => (this.text = text));
  }
}

export const announcer = new Announcer();
