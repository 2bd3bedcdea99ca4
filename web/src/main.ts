import "./app.css";
import { mount } from "svelte";
import Root from "./Root.svelte";

mount(Root, { target: document.getElementById("app")! });

// Makes the application installable, and lets it open without a network. Without a worker it works all the same.
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  addEventListener("load", () => void navigator.serviceWorker.register("./sw.js").catch(() => undefined));
}
