// Operation 3, "Run Script", key `topics`: the names of the topics that are safe to apply unseen, from Tagdesk's answer.
module.exports = async function ({ answer }) {
  return answer.data.topics.filter((topic) => topic.band === "auto").map((topic) => topic.name);
};
