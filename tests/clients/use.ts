// A newsroom's program on the client that openapi-typescript makes: tag, batch, topics, correct. Prints what came, as JSON.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };

const [, , address, key] = process.argv;
const client = createClient<paths>({ baseUrl: address, headers: { Authorization: `Bearer ${key}` } });

const article: components["schemas"]["Article"] = { id: "a-1", title: "Envoy", body: "The envoy met ministers to end the war." };
const other: components["schemas"]["Article"] = { body_html: "<p>Heavy rain and winds, and more rain to come.</p>" };

const tagged = await client.POST("/v1/tag", { body: article, params: { query: { explain: "true" } } });
if (!tagged.data) throw new Error(tagged.error.detail);
const batch = await client.POST("/v1/tag/batch", { body: [article, other], parseAs: "text" });
const topics = await client.GET("/v1/topics");
const receipt = await client.POST("/v1/feedback", {
  body: { article, model: tagged.data.model, accepted: [tagged.data.topics[0].id], rejected: [] },
});
const refused = await client.POST("/v1/tag", { body: { title: "no body" } });

console.log(
  JSON.stringify({
    topics: tagged.data.topics.map((topic) => topic.id),
    evidence: tagged.data.topics[0].evidence?.[0].text,
    batch: batch.data?.trim().split("\n").map((line) => (JSON.parse(line) as components["schemas"]["Answer"]).topics[0].id),
    known: topics.data?.topics.length,
    receipt: receipt.data?.article,
    refused: refused.error?.type,
  }),
);
