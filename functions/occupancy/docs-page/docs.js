// Draws the OpenAPI document that the API generates from its code. No library and no other host is needed, so the page also works
// where the network ends at the city's own doors.
"use strict";

/** The documents besides `/openapi.json`, by the `api` of this page's address. */
const DOCUMENTS = new Map([
  ["bookings", "/openapi/bookings.json"],
  ["forecasts", "/openapi/forecasts.json"],
  ["notifications", "/openapi/notifications.json"],
  ["payments", "/openapi/payments.json"],
  ["ledger", "/openapi/ledger.json"],
]);
const METHODS = ["get", "post", "put", "patch", "delete"];

/** An element with properties and children; text is set as text, never as HTML. */
function element(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** The object that a `$ref` names, or the object itself. */
function resolve(api, object) {
  if (!object || !object.$ref) return object;
  return object.$ref.slice(2).split("/").reduce((at, key) => at[key.replaceAll("~1", "/").replaceAll("~0", "~")], api);
}

/** A schema in one line, for tables. */
function typeName(api, schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const many = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (many) return many.map((part) => typeName(api, part)).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const types = [schema.type ?? "any"].flat();
  return types.map((type) => (type === "array" ? `array of ${typeName(api, schema.items)}` : schema.format && type !== "null" ? `${type} (${schema.format})` : type)).join(" or ");
}

/** An example value of a schema; recursion ends at six levels. */
function example(api, schema, depth = 0) {
  const from = schema && schema.$ref ? resolve(api, schema) : schema;
  if (!from || depth > 6) return null;
  if (from.example !== undefined) return from.example;
  if (from.examples?.length) return from.examples[0];
  if (from.enum) return from.enum[0];
  if (from.allOf) return Object.assign({}, ...from.allOf.map((part) => example(api, part, depth + 1)));
  const choice = (from.oneOf ?? from.anyOf)?.find((part) => part.type !== "null");
  if (choice) return example(api, choice, depth + 1);
  switch ([from.type].flat().find((type) => type !== "null")) {
    case "object": {
      const object = {};
      for (const [key, value] of Object.entries(from.properties ?? {})) object[key] = example(api, value, depth + 1);
      return object;
    }
    case "array": return [example(api, from.items, depth + 1)];
    case "integer": case "number": return from.default ?? from.minimum ?? 0;
    case "boolean": return from.default ?? false;
    case "string": return from.default ?? (from.format === "date-time" ? "2026-01-31T12:00:00Z" : "text");
    default: return null;
  }
}

function parameterTable(api, parameters, inputs) {
  const rows = parameters.map((parameter) => {
    const input = element("input", { name: parameter.name, ariaLabel: parameter.name, value: parameter.example ?? "" });
    inputs.push([parameter, input]);
    return element("tr", {},
      element("td", {}, element("code", { textContent: parameter.name }), parameter.required ? element("div", { className: "required", textContent: "required" }) : null),
      element("td", {}, element("div", { textContent: typeName(api, parameter.schema) }), element("div", { textContent: parameter.description ?? "" })),
      element("td", {}, input));
  });
  return element("table", {}, element("tbody", {}, ...rows));
}

/** The address that the filled-in parameters make. */
function address(path, inputs) {
  const query = new URLSearchParams();
  let filled = path;
  for (const [parameter, input] of inputs) {
    if (parameter.in === "path") filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (parameter.in === "query" && input.value !== "") query.set(parameter.name, input.value);
  }
  return query.size ? `${filled}?${query}` : filled;
}

/** Lets a public read be tried from the page. */
function tryOut(path, inputs) {
  const output = element("pre", { hidden: true, ariaLive: "polite" });
  const button = element("button", { type: "button", textContent: "Try it" });
  button.addEventListener("click", async () => {
    const url = address(path, inputs);
    output.hidden = false;
    output.textContent = `GET ${url}`;
    try {
      const response = await fetch(url);
      const type = response.headers.get("content-type") ?? "";
      const body = type.includes("json") ? JSON.stringify(await response.json(), null, 2) : type.startsWith("text/") ? await response.text() : `(${type})`;
      output.textContent = `GET ${url}\n${response.status} ${response.statusText}\n\n${body.slice(0, 100000)}`;
    } catch (error) {
      output.textContent = `GET ${url}\n${error.message}`;
    }
  });
  return element("div", {}, button, output);
}

function content(api, body) {
  const nodes = [];
  for (const [type, media] of Object.entries(body?.content ?? {})) {
    nodes.push(element("div", {}, element("code", { textContent: type }), ` ${typeName(api, media.schema)}`));
    const value = media.example ?? example(api, media.schema);
    if (type.includes("json") && value !== null) nodes.push(element("pre", { textContent: JSON.stringify(value, null, 2) }));
  }
  return nodes;
}

function operationNode(api, path, method, operation, shared) {
  const id = `${method}-${path}`;
  const parameters = [...shared, ...(operation.parameters ?? [])].map((parameter) => resolve(api, parameter));
  const inputs = [];
  const parts = [];
  if (operation.description) parts.push(element("p", { textContent: operation.description }));
  if (operation.security?.length) parts.push(element("p", { textContent: "Needs a login; the description says where a role is wanted." }));
  if (parameters.length) parts.push(element("h4", { textContent: "Parameters" }), parameterTable(api, parameters, inputs));
  if (operation.requestBody) parts.push(element("h4", { textContent: "Body" }), ...content(api, resolve(api, operation.requestBody)));
  if (method === "get") parts.push(tryOut(path, inputs));
  for (const [status, reference] of Object.entries(operation.responses ?? {})) {
    const response = resolve(api, reference);
    parts.push(element("h4", { textContent: `${status} ${response.description ?? ""}` }), ...content(api, response));
  }
  return element("details", { id },
    element("summary", {}, element("span", { className: "method", textContent: method.toUpperCase() }), element("code", { textContent: path }), " ", element("span", { textContent: operation.summary ?? "" })),
    element("div", {}, ...parts));
}

function draw(api) {
  document.title = api.info.title;
  document.getElementById("title").textContent = `${api.info.title} ${api.info.version}`;
  document.getElementById("description").textContent = api.info.description ?? "";
  const groups = new Map((api.tags ?? []).map((tag) => [tag.name, { tag, operations: [] }]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const name = item[method].tags?.[0] ?? "Other";
      if (!groups.has(name)) groups.set(name, { tag: { name }, operations: [] });
      groups.get(name).operations.push([path, method, item[method], item.parameters ?? []]);
    }
  }
  const main = document.getElementById("operations");
  const index = document.getElementById("index");
  main.replaceChildren();
  for (const { tag, operations } of groups.values()) {
    if (!operations.length) continue;
    main.append(element("h2", { textContent: tag.name }), element("p", { textContent: tag.description ?? "" }));
    for (const [path, method, operation, shared] of operations) {
      const node = operationNode(api, path, method, operation, shared);
      const link = element("a", { href: `#${node.id}`, textContent: `${method.toUpperCase()} ${path}` });
      link.addEventListener("click", () => { node.open = true; });
      main.append(node);
      index.append(element("li", {}, link));
    }
  }
  document.getElementById("filter").addEventListener("input", (event) => {
    const word = event.target.value.toLowerCase();
    for (const node of main.querySelectorAll("details")) node.hidden = !node.querySelector("summary").textContent.toLowerCase().includes(word);
    for (const node of index.children) node.hidden = !node.textContent.toLowerCase().includes(word);
  });
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target) { target.open = true; target.scrollIntoView(); }
}

const chosen = DOCUMENTS.get(new URLSearchParams(location.search).get("api")) ?? "/openapi.json";
document.getElementById("document").href = chosen;
fetch(chosen)
  .then((response) => (response.ok ? response.json() : Promise.reject(new Error(`status ${response.status}`))))
  .then(draw)
  .catch((error) => { document.getElementById("state").textContent = `The OpenAPI document cannot be read (${error.message}).`; });
