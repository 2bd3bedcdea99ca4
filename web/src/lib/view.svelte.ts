/** The time zone of what is on the page: the place's on its dashboard, the browser's where several places meet. */
class ViewZone {
  zone = $state(Intl.DateTimeFormat().resolvedOptions().timeZone);

  reset(): void {
    this.zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  }
}

export const viewZone = new ViewZone();
