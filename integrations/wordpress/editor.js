/* The topics of the text being edited, in the block editor's sidebar and in the classic editor's box. */
(function (wp, told) {
  'use strict';

  const make = (tag, text, attributes) => {
    const element = document.createElement(tag);
    element.textContent = text || '';
    Object.entries(attributes || {}).forEach(([name, value]) => element.setAttribute(name, value));
    return element;
  };

  const ask = (what, data) => wp.apiFetch({ path: `/tagdesk/v1/posts/${told.post}/${what}`, method: 'POST', data });

  /* Show the topics in a node; `host` knows the editor around it. Returns what repaints their buttons. */
  const mount = (node, host) => {
    const note = make('p', '', { 'aria-live': 'polite' });
    const list = make('ul', '', { style: 'margin: 0' });
    const again = make('button', 'Suggest topics', { type: 'button', class: 'button components-button is-secondary' });
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
          topic.term = topic.term || (await ask('terms', { topic: topic.id, name: topic.name })).term;
          host.add(topic);
        }
        paint();
      } catch (error) {
        note.textContent = error.message;
      }
    };

    const item = (topic) => {
      const button = make('button', '', { type: 'button', class: 'button components-button is-secondary is-small' });
      button.addEventListener('click', () => toggle(topic));
      buttons.set(topic, button);
      const row = make('li', '', { 'data-topic': topic.id, style: 'margin: 0 0 8px' });
      const applied = told.applied.includes(topic.band) && !host.published() ? ', applied on publish' : '';
      row.append(button, make('span', ` ${Math.round(topic.confidence * 100)} %${applied}`));
      row.append(make('div', topic.words.join(' · '), { class: 'description', style: 'opacity: .75' }));
      return row;
    };

    const load = async () => {
      again.disabled = true;
      note.textContent = 'Asking Tagdesk …';
      try {
        const { topics } = await ask('suggestions', { title: host.title(), content: host.content() });
        buttons.clear();
        list.replaceChildren(...topics.map(item));
        paint();
        note.textContent = topics.length ? '' : 'No topic is likely enough.';
      } catch (error) {
        note.textContent = error.message;
      }
      again.disabled = false;
    };

    again.addEventListener('click', load);
    if (host.content().trim()) {
      load();
    }
    return paint;
  };

  const blockHost = () => {
    const editor = () => wp.data.select('core/editor');
    const terms = () => editor().getEditedPostAttribute(told.attribute) || [];
    const set = (some) => wp.data.dispatch('core/editor').editPost({ [told.attribute]: some });
    return {
      title: () => editor().getEditedPostAttribute('title') || '',
      content: () => editor().getEditedPostContent() || '',
      published: () => editor().isCurrentPostPublished(),
      has: (topic) => terms().includes(topic.term),
      add: (topic) => set([...terms(), topic.term]),
      remove: (topic) => set(terms().filter((term) => term !== topic.term)),
    };
  };

  const classicContent = () => {
    const rich = window.tinymce && window.tinymce.get('content');
    return rich && !rich.isHidden() ? rich.getContent() : document.getElementById('content').value;
  };

  const classicHost = () => ({
    title: () => document.getElementById('title').value,
    content: classicContent,
    published: () => document.getElementById('original_post_status').value === 'publish',
    ...(told.taxonomy === 'category' ? categories() : tags()),
  });

  const categories = () => {
    const checkboxes = (term) => [...document.querySelectorAll(`#in-category-${term}, #in-popular-category-${term}`)];
    const set = (term, on) => checkboxes(term).forEach((one) => { one.checked = on; });
    return {
      has: (topic) => checkboxes(topic.term).some((one) => one.checked),
      add: (topic) => {
        if (!checkboxes(topic.term).length) {
          const row = make('li', '', { id: `category-${topic.term}` });
          const label = make('label', '', { class: 'selectit' });
          const attributes = { type: 'checkbox', name: 'post_category[]', id: `in-category-${topic.term}` };
          label.append(make('input', '', { ...attributes, value: topic.term }), ` ${topic.name}`);
          row.append(label);
          document.getElementById('categorychecklist').prepend(row);
        }
        set(topic.term, true);
      },
      remove: (topic) => set(topic.term, false),
    };
  };

  const tags = () => {
    const box = window.jQuery('#post_tag');
    const field = () => document.getElementById('tax-input-post_tag');
    const names = () => field().value.split(',').map((name) => name.trim()).filter(Boolean);
    const same = (topic) => (name) => name.toLowerCase() === topic.name.toLowerCase();
    return {
      has: (topic) => names().some(same(topic)),
      add: (topic) => window.tagBox.flushTags(box, make('span', topic.name)),
      remove: (topic) => {
        field().value = names().filter((name) => !same(topic)(name)).join(',');
        window.tagBox.quickClicks(box);
      },
    };
  };

  const box = document.getElementById('tagdesk-box');
  if (box) {
    window.addEventListener('load', () => mount(box, classicHost()));
    return;
  }
  let stop = () => {};
  const place = (node) => {
    stop();
    stop = node ? wp.data.subscribe(mount(node, blockHost())) : () => {};
  };
  const Panel = (wp.editor && wp.editor.PluginDocumentSettingPanel) || wp.editPost.PluginDocumentSettingPanel;
  const element = wp.element.createElement;
  wp.plugins.registerPlugin('tagdesk', {
    icon: 'tag',
    render: () => element(Panel, { name: 'tagdesk', title: 'Topics' }, element('div', { ref: place })),
  });
})(window.wp, tagdesk);
