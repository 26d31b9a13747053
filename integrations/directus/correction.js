// In the Flow of corrections, "Run Script", key `correction`: what an editor made of the topics, as Tagdesk's feedback.
// `saved` is the item as it is, read by "Read Data"; its field `tagdesk` has the answer from which its topics came.
module.exports = async function ({ $trigger, saved }) {
  const { title, body, language, topics, tagdesk } = saved;
  if (!tagdesk) throw new Error("Tagdesk has not tagged this item: there is nothing to correct");
  const suggested = tagdesk.topics.filter((topic) => topic.band === "auto");
  const names = new Set((topics ?? []).map((name) => name.toLowerCase()));
  const kept = (topic) => names.has(topic.name.toLowerCase());
  return {
    article: { id: `${$trigger.collection}/${$trigger.keys[0]}`, title, body_html: body, language },
    model: tagdesk.model,
    accepted: suggested.filter(kept).map((topic) => topic.id),
    rejected: suggested.filter((topic) => !kept(topic)).map((topic) => topic.id),
  };
};
