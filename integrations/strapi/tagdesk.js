"use strict";

// Strapi 5: articles get their topics when they are published. Put this file into src/, and into src/index.js:
//   const tagdesk = require("./tagdesk");
//   module.exports = { register({ strapi }) { tagdesk(strapi, { uid: "api::article.article" }); } };

/**
 * Tag articles when they are published.
 *
 * @param strapi  what `register` is given
 * @param options uid: the content type; title, body, topics: its fields; url, key: the service; seconds: how long it may take
 */
module.exports = function tagdesk(strapi, options) {
  const settings = {
    title: "title",
    body: "body",
    topics: "topics",
    url: process.env.TAGDESK_URL ?? "http://127.0.0.1:8080",
    key: process.env.TAGDESK_KEY,
    seconds: 2,
    ...options,
  };
  strapi.documents.use(async (context, next) => {
    const result = await next();
    const published = context.action === "publish" || (context.action === "create" && context.params.status === "published");
    if (context.uid !== settings.uid || !published) return result;
    for (const entry of result.entries ?? [result]) {
      // Publishing has been done by now, and waits for nothing: what goes wrong is a line in the log.
      tag(strapi, settings, entry).catch((error) => strapi.log.warn(`tagdesk: ${entry.documentId}: ${error.message}`));
    }
    return result;
  });
};

async function tag(strapi, settings, entry) {
  const id = `${settings.uid}/${entry.documentId}/${entry.locale ?? ""}`;
  const article = { id, title: entry[settings.title], body: entry[settings.body], language: entry.locale };
  const response = await fetch(`${settings.url}/v1/tag`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(settings.key && { "X-API-Key": settings.key }) },
    body: JSON.stringify(article),
    signal: AbortSignal.timeout(settings.seconds * 1000),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail);
  const names = answer.topics.filter((topic) => topic.band === "auto").map((topic) => topic.name);
  const topics = [...new Set([...(entry[settings.topics] ?? []), ...names])];
  // Below the documents' own services, so that this is no edit of the article and publishes nothing again.
  await strapi.db.query(settings.uid).update({ where: { id: entry.id }, data: { [settings.topics]: topics } });
}
