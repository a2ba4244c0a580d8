import './language'
import './style.css'
import { render } from 'preact'
import { App } from './app'
import { begin } from './signin'

render(<App />, document.getElementById('page')!)
void begin()
