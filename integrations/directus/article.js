// Operation 1, "Run Script", key `article`: what was created or changed, as an article of Tagdesk's.
module.exports = async function ({ $trigger }) {
  const { title, body, language } = $trigger.payload;
  return { id: `${$trigger.collection}/${$trigger.key ?? $trigger.keys[0]}`, title, body_html: body, language };
};
