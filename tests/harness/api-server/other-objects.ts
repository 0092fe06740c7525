import { Router } from "express";
import * as z from "zod";

/** Objects of kinds that the double knows nothing of, and reviews of rights. */
export interface OtherObjects {
  /** By path, as `/apis/eventing.knative.dev/v1/namespaces/klight/brokers`; a number: refused with this status. */
  readonly byPath: Map<string, object | number>;
  /** Asked by each SubjectAccessReview. */
  isAllowed: (attributes: ReviewedAttributes) => boolean;
}

const reviewed = z.object({
  spec: z.object({
    user: z.string(),
    resourceAttributes: z.object({
      verb: z.string(),
      resource: z.string(),
      subresource: z.string().optional(),
      namespace: z.string().optional(),
    }),
  }),
});
export type ReviewedAttributes = z.infer<typeof reviewed>["spec"]["resourceAttributes"] & {
  readonly user: string;
};

export function otherObjects(objects: OtherObjects): Router {
  const router = Router();
  router.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", (request, response) => {
    const { user, resourceAttributes } = reviewed.parse(JSON.parse(String(request.body))).spec;
    const allowed = objects.isAllowed({ ...resourceAttributes, user });
    response.status(201).json({ kind: "SubjectAccessReview", status: { allowed } });
  });
  router.get("/{*path}", (request, response, next) => {
    const found = objects.byPath.get(request.path);
    if (found === undefined) next();
    else if (typeof found !== "number") response.json(found);
    else
      response
        .status(found)
        .json({ kind: "Status", message: "the double was told to refuse this", code: found });
  });
  return router;
}
