/* The panel in the block editor's sidebar; with a save that changes terms goes what was shown and changed. */
(function (wp, tagdesk) {
  'use strict';

  const editor = () => wp.data.select('core/editor');
  const terms = () => editor().getEditedPostAttribute(tagdesk.attribute) || [];
  const setTerms = (some) => wp.data.dispatch('core/editor').editPost({ [tagdesk.attribute]: some });
  const shown = new Set();

  const host = {
    title: () => editor().getEditedPostAttribute('title') || '',
    content: () => editor().getEditedPostContent() || '',
    published: () => editor().isCurrentPostPublished(),
    has: (topic) => terms().includes(topic.term),
    add: (topic) => setTerms([...terms(), topic.term]),
    remove: (topic) => setTerms(terms().filter((term) => term !== topic.term)),
    shown: (seal) => {
      shown.delete(seal);
      shown.add(seal); // the last counts as the newest
    },
  };

  wp.apiFetch.use((request, next) => {
    const after = request.data && request.data[tagdesk.attribute];
    if (!Array.isArray(after) || (request.path || '').split('?')[0] !== tagdesk.route) {
      return next(request);
    }
    const before = editor().getCurrentPostAttribute(tagdesk.attribute) || [];
    const judged = { before, after, shown: [...shown] };
    return next({ ...request, data: { ...request.data, tagdesk: judged } });
  });

  const follow = (panel) => {
    let published = host.published();
    return wp.data.subscribe(() => {
      panel.paint();
      if (host.published() !== published) {
        published = host.published();
        panel.load(); // what was applied has terms now
      }
    });
  };

  let stop = () => {};
  const place = (node) => {
    stop();
    stop = node ? follow(tagdesk.mount(node, host)) : () => {};
  };
  const Panel = (wp.editor && wp.editor.PluginDocumentSettingPanel) || wp.editPost.PluginDocumentSettingPanel;
  const element = wp.element.createElement;
  wp.plugins.registerPlugin('tagdesk', {
    icon: 'tag',
    render: () => element(Panel, { name: 'tagdesk', title: tagdesk.heading }, element('div', { ref: place })),
  });
})(window.wp, window.tagdesk);
