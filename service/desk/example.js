// The article of the empty page. We made it up; it is in English, as the shipped model is.

export const EXAMPLE = {
  title: "Envoy flies to Geneva as ceasefire holds",
  body: [
    "The ceasefire in the border region held for a second day on Tuesday, and troops on both sides began to pull back " +
      "from the bridges they had fought over for three weeks.",
    "The government’s envoy left for Geneva, where ministers of five countries are to talk about a lasting treaty. " +
      "Diplomats said that sanctions would stay in place until all prisoners had been exchanged.",
    "In the town of Maredo the hospital was running short of medicine, doctors said. Aid workers brought food and " +
      "blankets to families who had slept in a school since their homes were shelled.",
    "Heavy rain is forecast for the weekend, and the river is high.",
  ].join("\n\n"),
};
