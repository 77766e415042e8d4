// What is read out to those who do not see the page: that something began, arrived or failed, and not each percent.

const log = document.getElementById('told');
const MOST = 5;

export function tell(text) {
  log.append(Object.assign(document.createElement('p'), { textContent: text }));
  while (log.children.length > MOST) log.firstElementChild.remove();
}
