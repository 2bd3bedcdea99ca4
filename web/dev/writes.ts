/** Administration over the mock's world: enough to develop its page. */
import type { IncomingHttpHeaders } from "node:http";
import { problem, type Reply } from "./routes.ts";
import type { World } from "./world.ts";

export function write(
  _world: World,
  _method: string,
  _path: string,
  _body: string,
  headers: IncomingHttpHeaders,
): Reply {
  if (!headers.authorization) return problem(401, "Unauthorized");
  return problem(501, "Not implemented in the mock");
}
