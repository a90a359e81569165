/** The trust bundle that the page was made with, as text; null without one. */
declare const __TRUST__: string | null;
