/* The box in the classic editor, whose form takes along what was shown. */
(function (tagdesk) {
  'use strict';

  const content = () => {
    const rich = window.tinymce && window.tinymce.get('content');
    return rich && !rich.isHidden() ? rich.getContent() : document.getElementById('content').value;
  };

  const field = (name) => document.querySelector(`input[name="tagdesk[${name}]"]`);

  const categories = () => {
    const checkboxes = (term) => [...document.querySelectorAll(`#in-category-${term}, #in-popular-category-${term}`)];
    const set = (term, on) => checkboxes(term).forEach((checkbox) => { checkbox.checked = on; });
    return {
      has: (topic) => checkboxes(topic.term).some((checkbox) => checkbox.checked),
      add: (topic) => {
        if (!checkboxes(topic.term).length) {
          const row = tagdesk.make('li', '', { id: `category-${topic.term}` });
          const label = tagdesk.make('label', '', { class: 'selectit' });
          const attributes = { type: 'checkbox', name: 'post_category[]', id: `in-category-${topic.term}` };
          label.append(tagdesk.make('input', '', { ...attributes, value: topic.term }), ` ${topic.name}`);
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
    const input = () => document.getElementById('tax-input-post_tag');
    const names = () => input().value.split(',').map((name) => name.trim()).filter(Boolean);
    const same = (topic) => (name) => name.toLowerCase() === topic.name.toLowerCase();
    return {
      has: (topic) => names().some(same(topic)),
      add: (topic) => window.tagBox.flushTags(box, tagdesk.make('span', topic.name)),
      remove: (topic) => {
        input().value = names().filter((name) => !same(topic)(name)).join(',');
        window.tagBox.quickClicks(box);
      },
    };
  };

  const host = () => ({
    title: () => document.getElementById('title').value,
    content,
    published: () => document.getElementById('original_post_status').value === 'publish',
    shown: (seal) => {
      const earlier = field('shown').value.split(',').filter((other) => other && other !== seal);
      field('shown').value = [...earlier, seal].join(',');
    },
    ...(tagdesk.taxonomy === 'category' ? categories() : tags()),
  });

  window.addEventListener('load', () => tagdesk.mount(document.getElementById('tagdesk-box'), host()));
})(window.tagdesk);
