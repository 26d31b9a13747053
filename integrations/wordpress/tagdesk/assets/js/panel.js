/* The topics of the text being edited, for the block editor's sidebar and the classic editor's box. */
(function (wp, tagdesk) {
  'use strict';

  const { __, sprintf } = wp.i18n;

  const make = (tag, text, attributes) => {
    const element = document.createElement(tag);
    element.textContent = text || '';
    Object.entries(attributes || {}).forEach(([name, value]) => element.setAttribute(name, value));
    return element;
  };

  const ask = (what, data) => wp.apiFetch({ path: `/tagdesk/v1/posts/${tagdesk.post}/${what}`, method: 'POST', data });

  /* Show the topics in a node; `host` knows the editor around it, and gets the seal of what was shown. Returns what asks
     for the topics again, and what repaints the buttons. */
  const mount = (node, host) => {
    const note = make('p', '', { 'aria-live': 'polite' });
    const list = make('ul', '', { style: 'margin: 0' });
    const again = make('button', __('Suggest topics', 'tagdesk'), {
      type: 'button', class: 'button components-button is-secondary',
    });
    const buttons = new Map();
    node.replaceChildren(list, note, again);

    const paint = () => buttons.forEach((button, topic) => {
      const has = host.has(topic);
      if (button.getAttribute('aria-pressed') === String(has)) {
        return;
      }
      button.setAttribute('aria-pressed', String(has));
      button.textContent = `${has ? '✓ ' : '+ '}${topic.name}`;
    });

    const toggle = async (topic) => {
      try {
        if (host.has(topic)) {
          host.remove(topic);
        } else {
          topic.term = topic.term || (await ask('terms', { topic: topic.id })).term;
          host.add(topic);
        }
        paint();
      } catch (error) {
        note.textContent = error.message;
      }
    };

    const confidence = (topic) => {
      const isApplied = tagdesk.applied.includes(topic.band) && !host.published();
      /* translators: %d: how sure the model is of a topic, in percent */
      const text = isApplied ? __('%d %%, applied on publish', 'tagdesk') : __('%d %%', 'tagdesk');
      return sprintf(text, Math.round(topic.confidence * 100));
    };

    const item = (topic) => {
      const button = make('button', '', { type: 'button', class: 'button components-button is-secondary is-small' });
      button.addEventListener('click', () => toggle(topic));
      buttons.set(topic, button);
      const row = make('li', '', { 'data-topic': topic.id, style: 'margin: 0 0 8px' });
      row.append(button, make('span', ` ${confidence(topic)}`));
      row.append(make('div', topic.words.join(' · '), { class: 'description', style: 'opacity: .75' }));
      return row;
    };

    const load = async () => {
      again.disabled = true;
      note.textContent = __('Asking Tagdesk …', 'tagdesk');
      try {
        const { topics, seal } = await ask('suggestions', { title: host.title(), content: host.content() });
        buttons.clear();
        list.replaceChildren(...topics.map(item));
        paint();
        host.shown(seal);
        note.textContent = topics.length ? '' : __('No topic is likely enough.', 'tagdesk');
      } catch (error) {
        note.textContent = error.message;
      }
      again.disabled = false;
    };

    again.addEventListener('click', load);
    if (host.content().trim()) {
      load();
    }
    return { load, paint };
  };

  Object.assign(tagdesk, { make, mount });
})(window.wp, window.tagdesk);
