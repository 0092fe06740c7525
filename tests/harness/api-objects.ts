import type { Api, ApiAnswer, ApiObject } from "./api-client.ts";

interface Resource {
  readonly kind: string;
  /** As in paths; with a slash: of a subresource. */
  readonly name: string;
  readonly namespaced: boolean;
}

/** Objects of any kind that an API server knows, by their manifests. */
export class ApiObjects {
  readonly #api: Api;
  readonly #manager: string;
  readonly #known = new Map<string, Promise<readonly Resource[]>>();

  /** `manager`: who is noted as the writer of fields. */
  constructor(api: Api, manager: string) {
    this.#api = api;
    this.#manager = manager;
  }

  /** Where an object is. Kinds are asked for once: of a group that was there before, a later kind is not seen. */
  async pathOf({ apiVersion = "", kind = "", metadata }: ApiObject): Promise<string> {
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const known = this.#known.get(root) ?? this.#resourcesOf(root);
    this.#known.set(root, known);
    const resource = (await known).find((each) => each.kind === kind && !each.name.includes("/"));
    if (resource === undefined) throw new Error(`the API server knows no ${apiVersion} ${kind}`);
    const where = resource.namespaced ? `/namespaces/${metadata.namespace ?? "default"}` : "";
    return `${root}${where}/${resource.name}/${metadata.name}`;
  }

  async #resourcesOf(root: string): Promise<readonly Resource[]> {
    const { status, body } = await this.#api.send({ method: "GET", path: root });
    return status === 200 ? (body as { readonly resources: readonly Resource[] }).resources : [];
  }

  /** As `kubectl apply --server-side` does: what the API server would drop or does not understand is refused. */
  async apply(manifest: ApiObject, more = ""): Promise<ApiAnswer> {
    const query = `fieldManager=${this.#manager}&fieldValidation=Strict&force=true${more}`;
    const path = `${await this.pathOf(manifest)}?${query}`;
    return this.#api.send({
      method: "PATCH",
      path,
      contentType: "application/apply-patch+yaml",
      body: manifest,
    });
  }

  /** The same, where nothing may be wrong with it; throws with the answer. */
  async applied(manifest: ApiObject): Promise<ApiObject> {
    const { status, body } = await this.apply(manifest);
    if (status > 299)
      throw new Error(`${manifest.kind} ${manifest.metadata.name}: ${status} ${JSON.stringify(body)}`);
    return body as ApiObject;
  }
}
